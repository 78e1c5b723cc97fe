"""Audits: does the forecaster see what it should, does it only copy, does anything leak from the future?"""
