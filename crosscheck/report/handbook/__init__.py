"""The handbook: rules, models, statistics, the data dictionary, and what a backtest found."""
