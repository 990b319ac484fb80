"""windtunnel: the air around a data pipeline that never leaves the ground."""
