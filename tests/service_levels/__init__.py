"""What is promised, and when: hours, clocks, policies, and the oracle that knows nothing of any of them."""
