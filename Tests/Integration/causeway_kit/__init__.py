"""What the integration tests are written with: real processes, a real bus, real clients, and oracles made from the wire contract alone."""
