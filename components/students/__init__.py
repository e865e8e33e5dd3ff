"""A student's share of a cluster: namespaces, rights, limits, and the program that declares them."""
