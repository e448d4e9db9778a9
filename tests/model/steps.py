"""The steps of the system: a step is one call that a process makes, or one thing that befalls the system."""

from collections.abc import Iterator

from tests.model.protocol import (
    GONE,
    NEXT_WORLDS,
    NO_ROW,
    NOTHING,
    PLACES,
    Protocol,
    Violation,
    alive_in,
    change_for,
)
from tests.model.state import (
    ALONE,
    HEALED,
    NO_FAULT,
    RESTING,
    SAME_WORLD,
    SURE,
    WAS_GONE,
    At,
    Look,
    Scope,
    State,
)

type Step = tuple[str, State]
WORLDS = "nothing alive", "instance 0", "instance 0, stopped", "instance 1", "instance 1, elsewhere"


class Steps:
    """All that can happen next in a state."""

    def __init__(self, scope: Scope, protocol: Protocol) -> None:
        self.scope = scope
        self.protocol = protocol

    def of(self, state: State) -> Iterator[Step]:
        """Each possible step's name and the state after it. Raises Violation where a step breaks an invariant."""
        for number, who in enumerate(self.scope.looks):
            if state.looks[number].at != At.DONE:
                for did, after in self.of_look(state, number):
                    yield f"{who.name} {did}", self._sorted(after)
        for number in range(len(state.readers)):
            for did, after in self._of_reader(state, number):
                yield f"reader {did}", self._sorted(after)
        if state.changes_left:
            for world in NEXT_WORLDS[state.world]:
                yield WORLDS[world], self._sorted(self._change(state, world))
        if state.faults_left:
            for befell, after in self._faults(state):
                yield befell, self._sorted(after)

    def of_look(self, state: State, number: int) -> Iterator[tuple[str, State]]:
        """The steps of one look; the first is the one without a fault."""
        who, me = self.scope.looks[number], state.looks[number]
        is_alive = alive_in(state.world, who.place) is not None
        seen = state.world if is_alive else GONE
        match me.at:
            case At.IDLE:
                yield self._begin(state, number, is_alive=is_alive)
            case At.LIST:
                yield from self._list(state, number, seen)
            case At.INDEX:
                yield self._index(state, number)
            case At.DRAW:
                ticket = state.counter + 1
                listing = me.listing or ticket
                drawn = self._put(
                    state, number, me._replace(at=At.DESCRIBE, ticket=ticket, listing=listing)
                )
                yield f"draws ticket {ticket}", drawn._replace(counter=ticket)
            case At.DESCRIBE:
                yield (
                    f"describes: {WORLDS[seen]}",
                    self._put(state, number, me._replace(at=At.WRITE, seen=seen)),
                )
            case At.WRITE:
                yield self._write(state, number)
            case At.PUBLISH:
                yield self._publish(state, number)
        if state.faults_left and me.at not in RESTING:
            yield "is killed", self._fault(self._put(state, number, Look(At.DONE)))

    def _begin(self, state: State, number: int, *, is_alive: bool) -> tuple[str, State]:
        who = self.scope.looks[number]
        is_alone = all(it.at in RESTING for it in state.looks)
        ghosts = SAME_WORLD | NO_FAULT | (ALONE if is_alone else 0) | (0 if is_alive else WAS_GONE)
        looks = tuple(
            it if it.at in RESTING else it._replace(ghosts=it.ghosts & ~ALONE) for it in state.looks
        )
        ticket = state.counter + 1 if self.protocol.takes_ticket_first else state.counter
        begun = Look(At.LIST if who.full else At.DESCRIBE, ticket, ticket, ghosts=ghosts)
        return f"draws ticket {ticket}", self._put(
            state._replace(looks=looks, counter=ticket), number, begun
        )

    def _list(self, state: State, number: int, seen: int) -> Iterator[tuple[str, State]]:
        me = state.looks[number]
        listed = me._replace(at=At.INDEX) if seen == GONE else me._replace(at=At.WRITE, seen=seen)
        yield f"lists: {WORLDS[seen]}", self._put(state, number, listed)
        if not state.faults_left:
            return
        if seen != GONE:  # items move between pages while a listing is read
            skipped = me._replace(at=At.INDEX, ghosts=me.ghosts & ~SAME_WORLD)
            yield (
                "lists, and the server slips between two pages",
                self._fault(self._put(state, number, skipped)),
            )
        rest = (
            me._replace(at=At.WRITE, seen=GONE)
            if self.protocol.believes_half_a_listing
            else Look(At.DONE)
        )
        yield "lists half the place, then DRS fails", self._fault(self._put(state, number, rest))

    def _index(self, state: State, number: int) -> tuple[str, State]:
        who, me, row = self.scope.looks[number], state.looks[number], self.protocol.rows[state.row]
        if row is None or row["place"] != str(PLACES[who.place]):
            return "finds nobody missing", self._finish(state, number)
        if row["presence"] == "absent":
            return "finds the tombstone", self._put(
                state, number, me._replace(at=At.PUBLISH, winner=state.row)
            )
        if self.protocol.describes_before_absence:
            return "misses the server", self._put(state, number, me._replace(at=At.DRAW))
        return "misses the server", self._put(state, number, me._replace(at=At.WRITE, seen=GONE))

    def _write(self, state: State, number: int) -> tuple[str, State]:
        who, me, protocol, before = (
            self.scope.looks[number],
            state.looks[number],
            self.protocol,
            state.row,
        )
        is_absence = alive_in(me.seen, who.place) is None
        ticket = me.listing if is_absence else me.ticket
        if not protocol.takes_ticket_first:
            ticket = state.counter + 1
            state = state._replace(counter=ticket)
        change = change_for(
            me.seen, who.place, ticket, details=who.details, execution=who.execution
        )
        verdict, row = protocol.put(before, change)
        did = f"writes {WORLDS[me.seen]} under {ticket}: {verdict.name}"
        if verdict.is_write:
            if ticket <= state.highest:
                raise Violation(
                    f"{who.name} {did}, but {state.highest} was written before: an older look won"
                )
            if is_absence and not me.ghosts & WAS_GONE:
                raise Violation(f"{who.name} {did}, but it was there all the time: a false absence")
            protocol.check(before, row)
            state = state._replace(row=row, highest=ticket)
        if protocol.looks_again(row, change, verdict):
            return did, self._put(state, number, me._replace(at=At.DRAW, listing=0, seen=GONE))
        if row == NO_ROW or not protocol.sends(before, row):
            return did, self._finish(state, number)
        return did, self._put(state, number, me._replace(at=At.PUBLISH, winner=row, seen=GONE))

    def _publish(self, state: State, number: int) -> tuple[str, State]:
        row = state.looks[number].winner
        taken = self.protocol.publishes(row, state.mirror)
        did = f"publishes {self._name(row)}" + ("" if taken else ": refused")
        return did, self._finish(self._mirrored(state, row, did) if taken else state, number)

    def _finish(self, state: State, number: int) -> State:
        """The look is over; a complete one answers for its place."""
        who, me = self.scope.looks[number], state.looks[number]
        state = self._put(state, number, Look(At.DONE))
        if not who.full or not me.ghosts & SAME_WORLD:
            return state
        is_clean = me.ghosts & NO_FAULT and me.ghosts & ALONE
        known = [
            it | SURE | (HEALED if is_clean else 0) if at == who.place else it
            for at, it in enumerate(state.places)
        ]
        return state._replace(places=(known[0], known[1]))

    def _of_reader(self, state: State, number: int) -> Iterator[Step]:
        """A reader that missed asks the table, and refills unless it took too long."""
        at, row = state.readers[number]
        if at == At.IDLE:
            read = (At.REFILL, state.row)
            yield f"reads {self._name(state.row)} from the table", self._read(state, number, read)
        elif at == At.REFILL:
            done = self._read(state, number, (At.DONE, NO_ROW))
            yield "is too late to refill", done
            taken = self.protocol.refills(row, state.mirror)
            did = f"refills {self._name(row)}" + ("" if taken else ": refused")
            yield did, self._mirrored(done, row, did) if taken else done

    def _mirrored(self, state: State, row: int, did: str) -> State:
        version = self.protocol.rows.version
        if state.mirror != NOTHING and version(row) < version(state.mirror):
            raise Violation(
                f"{did}, but {self._name(state.mirror)} was mirrored: the mirror went back"
            )
        replica = state.mirror if row != state.mirror else state.replica
        return state._replace(mirror=row, is_young=True, replica=replica)

    def _change(self, state: State, world: int) -> State:
        looks = []
        for who, look in zip(self.scope.looks, state.looks, strict=True):
            gone = 0 if alive_in(world, who.place) else WAS_GONE
            resting = look.at in RESTING
            looks.append(
                look if resting else look._replace(ghosts=look.ghosts & ~SAME_WORLD | gone)
            )
        left = state.changes_left - 1
        return state._replace(world=world, changes_left=left, looks=tuple(looks), places=(0, 0))

    def _faults(self, state: State) -> Iterator[Step]:
        """What befalls the mirror. A flush evicts all entries, and this is the only one."""
        if state.mirror != NOTHING:
            yield "the mirror loses the entry", self._fault(state._replace(mirror=NOTHING))
            if state.is_young:
                yield "a quarter of an hour passes", self._fault(state._replace(is_young=False))
        if state.replica != state.mirror:
            yield (
                "the mirror fails over to a lagging replica",
                self._fault(state._replace(mirror=state.replica)),
            )

    def _fault(self, state: State) -> State:
        looks = tuple(
            it if it.at in RESTING else it._replace(ghosts=it.ghosts & ~NO_FAULT)
            for it in state.looks
        )
        here, there = state.places
        places = (here & ~HEALED, there & ~HEALED)
        return state._replace(faults_left=state.faults_left - 1, looks=looks, places=places)

    def _name(self, row: int) -> str:
        return f"version {self.protocol.rows.version(row)}" if row else "no row"

    def _sorted(self, state: State) -> State:
        """Readers are alike, and so are looks that follow each other with the same task: one order stands for all."""
        readers = tuple(sorted(state.readers))
        looks, who = state.looks, self.scope.looks
        if len(who) > 1 and who[0] == who[1] and looks[0] > looks[1]:
            looks = (looks[1], looks[0], *looks[2:])
        return (
            state
            if readers == state.readers and looks is state.looks
            else state._replace(readers=readers, looks=looks)
        )

    @staticmethod
    def _put(state: State, number: int, look: Look) -> State:
        return state._replace(looks=(*state.looks[:number], look, *state.looks[number + 1 :]))

    @staticmethod
    def _read(state: State, number: int, reader: tuple[At, int]) -> State:
        return state._replace(
            readers=(*state.readers[:number], reader, *state.readers[number + 1 :])
        )
