"""Numbers -> scores -> decisions. Pure; knows columns, not activities; knows neither features nor pipelines."""
