"""What all pages and files are written with: HTML, PDF, SVG, workbooks, tables, folders."""
