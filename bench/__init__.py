"""Measurements: ratios of two things in one run, since absolute times say more of the machine than of windtunnel."""
