"""Telling the world what has changed: the outbox, the relay to NATS JetStream, and who may listen to what."""
