"""What every wing draws with; knows none of them."""
