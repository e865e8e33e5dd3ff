"""The `lab` command line: options, tables and boards."""
