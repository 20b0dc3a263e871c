"""What all models share: where they run, their tokens and batches, and the loop."""
