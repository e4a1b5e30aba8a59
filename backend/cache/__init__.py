"""What servers share to be quick, and can lose: counts of requests, and views that cost too much to compute each time.

Redis is never asked for a decision, and nobody waits long for it. When it is away the process goes on with what it has.
"""
