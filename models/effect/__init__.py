"""What contacting achieved, and what can be claimed of it: numbers in, numbers out.

    counts, shares       effect on the share that leaves, with an interval that holds for few and for extreme shares
    weighted, ratio      the same and spend kept, weighted by assignment; cost per kept customer; effect on the reached
    robust               doubly robust estimate: a check
    boundary, sequence   when to look: planned looks, or any number of them
    looks                a campaign as it was looked at, look by look
    trial                what a campaign will be able to find, by the boundary it is measured with
    gates, balance       what must hold before anything is claimed
    lottery              the places at the margin of capacity, drawn by lot
    success              what is believed of an action, before and after the evidence
    policy               another playbook, judged on lists that are past
    uplift               who can be persuaded, and whether knowing it pays

Effects on the share that leaves are `control - contacted`: above 0, fewer left. No file, clock or network; random
numbers only from a seed that is given. Nothing here is prose: names of templates and numbers go out.
"""
