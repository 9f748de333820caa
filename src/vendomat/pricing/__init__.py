"""Pricing: the place of the one price and promotion engine that kiosk, shop and cloud share.

Until there are promotions a price is the catalogue's, taken into the order as it stands; nothing is computed here.
Pure: no I/O, no clock, no chance.
"""
