"""What an operator does with the keys and the data of a cluster that ``rke`` built."""

from saltk8s.engine.rke.upkeep.upkeep import RkeUpkeep as UPKEEP

__all__ = ["UPKEEP"]
