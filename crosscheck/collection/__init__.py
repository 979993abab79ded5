"""The collection: files in, conformed tables and a list of everything that is wrong with them out."""
