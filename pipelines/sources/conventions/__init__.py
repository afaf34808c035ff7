"""How the columns of a source are read where texts can be read in more than one way: looked at, decided, kept."""
