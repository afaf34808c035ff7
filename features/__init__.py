"""Activity -> numbers. Pure: no files, no clock, no network; knows neither models nor pipelines."""
