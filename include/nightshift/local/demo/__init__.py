"""The demo: a fortnight of the simulated pipeline `churn` through the real scheduler, and its story."""
