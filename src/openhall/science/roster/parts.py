"""Parts of a program: some columns free, the others kept as they are."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from openhall.science.roster.mip import INFINITY, Bools, Floats, Mip


class Part(msgspec.Struct, frozen=True):
    """A smaller program, and where its columns lie in the whole one.

    Attributes
    ----------
    mip : Mip
        Of the free columns only; its objective is that of the whole.
    columns : (k,) int
        Of the whole program.
    kept : (n,) float
        Values of the whole; those of free columns are what they were before.
    """

    mip: Mip
    columns: NDArray[np.int64]
    kept: Floats

    @property
    def start(self) -> Floats:
        """What the free columns were before, (k,)."""
        return np.asarray(self.kept[self.columns], dtype=np.float64)

    def whole(self, values: Floats) -> Floats:
        """All values, (n,), from those of the part, (k,)."""
        whole = self.kept.copy()
        whole[self.columns] = values
        return whole


class Structure:
    """Which columns share rows."""

    def __init__(self, mip: Mip) -> None:
        self._mip = mip
        shape = (mip.row_count, mip.column_count)
        self._matrix = csr_matrix((mip.values, mip.indices, mip.starts), shape=shape)
        self._pattern = csr_matrix((np.ones(len(mip.indices)), mip.indices, mip.starts), shape=shape)
        self._by_column = self._pattern.T.tocsr()
        self._has_no_cell = mip.person < 0

    def free(self, cells: Bools) -> Bools:
        """The columns, (n,), of the chosen cells, (persons, days), with the cell-less ones that follow them.

        A cell-less column follows if it shares a row with a free column, or with one that follows.
        """
        mip = self._mip
        free = np.zeros(mip.column_count, dtype=np.bool_)
        has_cell = ~self._has_no_cell
        free[has_cell] = cells[mip.person[has_cell], mip.day[has_cell]]
        return self._with_followers(free)

    def _with_followers(self, free: Bools) -> Bools:
        new = free
        while new.any():
            rows = (self._pattern @ new.astype(np.float64)) > 0
            near = (self._by_column @ rows.astype(np.float64)) > 0
            new = near & self._has_no_cell & ~free
            free = free | new
        return free

    def part(self, free: Bools, values: Floats, *, whole_cells_only: bool = False) -> Part:
        """The program of the free columns, all others kept at `values`.

        `whole_cells_only` lets columns without a cell be broken, for a start in which others are broken too.
        """
        mip = self._mip
        columns = np.flatnonzero(free)
        kept = np.where(free, 0.0, values)
        fixed = self._matrix @ kept
        rows = np.flatnonzero((self._pattern @ free.astype(np.float64)) > 0)
        inner = self._matrix[rows][:, columns]
        is_integer = mip.is_integer[columns]
        if whole_cells_only:
            is_integer = is_integer & ~self._has_no_cell[columns]
        part = Mip(
            cost=mip.cost[columns],
            lower=mip.lower[columns],
            upper=mip.upper[columns],
            is_integer=is_integer,
            person=mip.person[columns],
            day=mip.day[columns],
            row_lower=mip.row_lower[rows] - fixed[rows],
            row_upper=mip.row_upper[rows] - fixed[rows],
            starts=inner.indptr.astype(np.int32),
            indices=inner.indices.astype(np.int32),
            values=inner.data,
            offset=mip.objective(kept),
        )
        return Part(part, columns, values)

    def heat(self, values: Floats) -> Floats:
        """Where it hurts: what each cell's rows and own columns cost, (persons, days), none negative.

        A column costs its cost times its distance from the cheaper bound. One without a cell heats all cells
        that share a row with it.
        """
        mip = self._mip
        cheap = np.where(mip.cost >= 0.0, mip.lower, mip.upper)
        away = np.where(np.abs(cheap) < INFINITY, values - cheap, 0.0)
        pain = np.maximum(0.0, mip.cost * away)
        rows = self._pattern @ np.where(self._has_no_cell, pain, 0.0)
        near = pain + self._by_column @ rows
        heat = np.zeros((mip.person_count, mip.day_count))
        has_cell = ~self._has_no_cell
        np.add.at(heat, (mip.person[has_cell], mip.day[has_cell]), near[has_cell])
        return heat
