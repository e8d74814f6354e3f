"""The session layer: requests go out within the rate limit, and are repeated where that is safe."""
