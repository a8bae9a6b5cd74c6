"""What keeps calls in step with Tavus while nobody looks."""
