"""The kit of the integration tests: real processes, a real bus, real clients, and oracles derived from the wire contract only."""
