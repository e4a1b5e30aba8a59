"""Views kept in Redis: stock of the chain, search pages, what is running out."""
