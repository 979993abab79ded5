"""The visit list as pages and on paper, with the dossiers that it leads to, duties and follow-up."""
