"""What goes in and out: tables, columns, units, what is kept of a run, the reply form."""
