"""What links and beams can carry: budgets of links, rates of channels, beams of satellites, shares of cells.

Takes where satellites and cells are, and radios as data; gives rates. Knows no rules and no scenario.
"""
