"""Mishkin & Matas 2016, All you need is a good init"""
