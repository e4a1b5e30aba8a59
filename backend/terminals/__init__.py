"""The terminals of the stores: which one somebody signs in at."""
