"""One machine's own shop: private servers on loopback that live exactly as long as a terminal uses them.

`client` is what a terminal calls. It starts, or joins, the `keeper`: a small process that owns its children
(nats-server and the headless `server`) and stops them when the last terminal is gone, however it went.
"""
