"""What Amazon EMR offers: releases and instance types, as package data."""
