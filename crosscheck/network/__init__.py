"""The network: who commissions whom, who sits on one board, who shared a case review, who succeeded whom."""
