"""Wait forecasts held against recorded days: learnt on one folder, asked at issue on another, scored."""
