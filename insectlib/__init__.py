"""Helpers of the course *What Did the Network See?*"""
