"""A report as one page that needs nothing but itself; a module for each kind of thing it is about."""
