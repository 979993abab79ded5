"""Cases: one row a declaration, with its answers, its history and its returns."""
