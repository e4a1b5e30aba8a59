"""The inbox of a store: what terminals sold without a server and a person has to look at."""
