"""Models that run on torch: what lies in their folders, how they are run, and what they give."""
