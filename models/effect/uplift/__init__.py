"""Who can be persuaded: rankings by the effect of contacting, judged on customers that fitted nothing; the gate."""
