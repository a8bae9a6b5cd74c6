"""What the dashboard costs, as ratios to plain Streamlit, all measured in one run: `python dev.py bench`."""
