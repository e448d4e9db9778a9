"""The steps of the system: a step is one call that a process
makes, or one thing that befalls the system.
"""

from collections.abc import Iterator

from cache.protocol import Change, Verdict
from tests.model.events import change, fault, faults
from tests.model.protocol import (
    GONE,
    NEXT_WORLDS,
    NO_ROW,
    PLACES,
    Copy,
    Protocol,
    Violation,
    alive_in,
    change_for,
    is_told,
)
from tests.model.state import (
    ALONE,
    FENCED,
    HEALED,
    NO_FAULT,
    OVERTAKEN,
    RESTING,
    SAME_SINCE_SEEN,
    SAME_WORLD,
    SEEN,
    SURE,
    WAS_GONE,
    At,
    Look,
    Scope,
    State,
    in_order,
)

type Step = tuple[str, State]
WORLDS = "nothing alive", "instance 0", "instance 0, stopped", "instance 1", "instance 1, elsewhere"
NARROW_LOOKS = 3


class Steps:
    """All that can happen next in a state."""

    def __init__(self, scope: Scope, protocol: Protocol) -> None:
        self.scope = scope
        self.protocol = protocol
        self._forks = {At.LIST: self._list, At.READ: self._read_rows}
        self._goes = {
            At.IDLE: self._begin,
            At.FENCE: self._fence,
            At.COMPARE: self._compare,
            At.GIVE_WAY: self._give_way,
            At.DRAW: self._draw,
            At.READ_ROW: self._read_row,
            At.DESCRIBE: self._describe,
            At.WRITE: self._write,
            At.PUBLISH: self._publish,
            At.COMPLETE: self._end_well,
        }

    def of(self, state: State) -> Iterator[Step]:
        """Each possible step's name and the state after it.

        Raises Violation where a step breaks an invariant.
        """
        for number, who in enumerate(self.scope.looks):
            if state.looks[number].at != At.DONE:
                for did, after in self.of_look(state, number):
                    yield f"{who.name} {did}", in_order(self.scope, after)
        for number in range(len(state.readers)):
            for did, after in self._of_reader(state, number):
                yield f"reader {did}", in_order(self.scope, after)
        if state.moment < self.scope.changes:
            for world in NEXT_WORLDS[state.world]:
                yield WORLDS[world], in_order(self.scope, change(self.scope, state, world))
        if state.faults_left:
            for befell, after in faults(state):
                yield befell, in_order(self.scope, after)

    def of_look(self, state: State, number: int) -> Iterator[Step]:
        """The steps of one look; the first is the one without a fault."""
        at = state.looks[number].at
        if at in self._forks:
            yield from self._forks[at](state, number)
        else:
            yield self._goes[at](state, number)
        if state.faults_left and state.looks[number].at not in RESTING:
            yield "is killed", fault(self._put(state, number, Look(At.DONE)))

    def _since_drawn(self, state: State, number: int) -> int:
        is_alive = alive_in(state.world, self.scope.looks[number].place) is not None
        return SAME_WORLD | (0 if is_alive else WAS_GONE)

    def _begin(self, state: State, number: int) -> Step:
        who = self.scope.looks[number]
        is_alone = all(it.at in RESTING for it in state.looks)
        ghosts = self._since_drawn(state, number) | NO_FAULT | (ALONE if is_alone else 0)
        looks = tuple(
            it if it.at in RESTING else it._replace(ghosts=it.ghosts & ~ALONE) for it in state.looks
        )
        ticket = state.counter + 1 if self.protocol.takes_ticket_first else state.counter
        begun = Look(
            At.LIST if who.full else At.READ_ROW,
            ticket,
            ticket if who.full else 0,
            is_narrow=not who.full,
            ghosts=ghosts,
        )
        state = state._replace(looks=looks, counter=ticket)
        return f"draws ticket {ticket}", self._put(state, number, begun)

    def _list(self, state: State, number: int) -> Iterator[Step]:
        me, seen = state.looks[number], self._seen(state, number)
        first = At.FENCE if self.protocol.fences_before_reading else At.READ
        listed = me._replace(at=first, seen=seen, moment=state.moment, listed=state.moment)
        listed = listed._replace(ghosts=listed.ghosts | SAME_SINCE_SEEN)
        yield f"lists: {WORLDS[seen]}", self._put(state, number, listed)
        if not state.faults_left:
            return
        if seen != GONE:  # items move between pages while a listing is read
            skipped = listed._replace(seen=GONE, ghosts=me.ghosts & ~SAME_WORLD)
            slipped = self._put(state._replace(slipped=True), number, skipped)
            yield "lists, and the server slips between two pages", fault(slipped)
        rest = (
            listed._replace(seen=GONE) if self.protocol.believes_half_a_listing else Look(At.DONE)
        )
        half = fault(self._put(state, number, rest))
        yield "lists half the place, then DRS fails", half

    def _fence(self, state: State, number: int) -> Step:
        who, me = self.scope.looks[number], state.looks[number]
        before_reading = self.protocol.fences_before_reading
        on = At.READ if before_reading else At.COMPARE
        if not self.protocol.fences_before_writing:
            on = At.COMPLETE
        if not self.protocol.fences:
            return "goes on", self._put(state, number, me._replace(at=on))
        if self.protocol.may_raise(state.fences[who.place], me.listing):
            fences = [*state.fences]
            fences[who.place] = me.listing
            raised = state._replace(fences=(fences[0], fences[1]))
            return f"raises the fence to {me.listing}", self._put(
                raised, number, me._replace(at=on)
            )
        return "is overtaken", self._overtaken(state, number, me)

    def _overtaken(self, state: State, number: int, me: Look) -> State:
        me = me._replace(ghosts=me.ghosts | OVERTAKEN, at=At.GIVE_WAY)
        return self._put(state, number, me)

    def _give_way(self, state: State, number: int) -> Step:
        """Asks for what it alone saw."""
        who, me = self.scope.looks[number], state.looks[number]
        if self.protocol.is_known(state.row, alive_in(me.seen, who.place)):
            return "knows nothing more", self._end(state, number, me)
        return "asks for what it saw", self._put(state, number, me._replace(at=At.DRAW))

    def _read_rows(self, state: State, number: int) -> Iterator[Step]:
        protocol, me = self.protocol, state.looks[number]
        on = At.COMPARE if protocol.fences_before_reading else At.FENCE
        if not protocol.fences_before_writing:
            on = At.COMPARE
        read = me._replace(at=on, stored=state.row)
        yield f"reads {self._name(state.row)}", self._put(state, number, read)
        if not protocol.reads_consistently and state.before != state.row:
            late = me._replace(at=on, stored=state.before)
            yield f"reads late {self._name(state.before)}", self._put(state, number, late)

    def _compare(self, state: State, number: int) -> Step:
        """What a complete look makes of the row that it read."""
        who, me, protocol = self.scope.looks[number], state.looks[number], self.protocol
        row = protocol.rows[me.stored]
        if alive_in(me.seen, who.place) is not None:
            return self._decide(state, number, me, again=False)
        if row is None or row["place"] != str(PLACES[who.place]):
            return "finds nobody missing", self._end(state, number, me)
        if row["presence"] == "absent":
            copy = protocol.confirmation(me.stored, me.listing, me.listed)
            return "confirms the tombstone", self._put(
                state, number, me._replace(at=At.PUBLISH, winner=copy)
            )
        if protocol.describes_before_absence:
            me = me._replace(at=At.DRAW, is_nominated=True)
            return "misses the server", self._put(state, number, me)
        me = me._replace(at=At.WRITE, is_nominated=True)
        return "misses the server", self._put(state, number, me)

    def _draw(self, state: State, number: int) -> Step:
        """A narrow look begins: for what the listing lacks with the
        row that was read, else with a new one.
        """
        me, ticket = state.looks[number], state.counter + 1
        if me.is_nominated:
            me = me._replace(at=At.DESCRIBE)
        else:
            ghosts = me.ghosts & ~(SAME_WORLD | WAS_GONE) | self._since_drawn(state, number)
            me = me._replace(at=At.READ_ROW, ghosts=ghosts)
        me = me._replace(ticket=ticket, is_narrow=True)
        return f"draws ticket {ticket}", self._put(state._replace(counter=ticket), number, me)

    def _read_row(self, state: State, number: int) -> Step:
        me = state.looks[number]._replace(at=At.DESCRIBE, stored=state.row)
        return f"reads {self._name(state.row)}", self._put(state, number, me)

    def _end_well(self, state: State, number: int) -> Step:
        return "is complete", self._finish(state, number)

    def _describe(self, state: State, number: int) -> Step:
        me, seen = state.looks[number], self._seen(state, number)
        me = me._replace(seen=seen, moment=state.moment, ghosts=me.ghosts | SAME_SINCE_SEEN)
        did, after = self._decide(state, number, me, again=False)
        return f"describes: {WORLDS[seen]}; {did}", after

    def _change_of(self, number: int, me: Look, ticket: int) -> Change:
        who = self.scope.looks[number]
        return change_for(
            me.seen, who.place, ticket, me.moment, details=who.details, execution=who.execution
        )

    def _ticket_of(self, number: int, me: Look) -> int:
        """Absences of a listing carry its ticket, although they
        were described under a later one.
        """
        is_absence = alive_in(me.seen, self.scope.looks[number].place) is None
        return me.listing if me.is_nominated and is_absence else me.ticket

    def _may_skip(self, me: Look) -> bool:
        return not me.is_narrow or self.protocol.narrow_looks_skip

    def _decide(self, state: State, number: int, me: Look, *, again: bool) -> Step:
        """Judge what was seen by the row that was read."""
        change = self._change_of(number, me, self._ticket_of(number, me))
        verdict, row = self.protocol.decide(
            me.stored, change, again=again, may_skip=self._may_skip(me)
        )
        if verdict.is_write:
            return "has it to write", self._put(state, number, me._replace(at=At.WRITE))
        return self._settle(state, number, me, change, (verdict, row))

    def _write(self, state: State, number: int) -> Step:
        """One transaction: fences, then the row on condition that it is the one that was read."""
        who, me, protocol, before = (
            self.scope.looks[number],
            state.looks[number],
            self.protocol,
            state.row,
        )
        ticket = self._ticket_of(number, me)
        if not protocol.takes_ticket_first:
            ticket = state.counter + 1
            state = state._replace(counter=ticket)
        change = self._change_of(number, me, ticket)
        stored = protocol.rows[me.stored]
        there = who.place if stored is None else [str(it) for it in PLACES].index(stored["place"])
        if not all(protocol.may_pass(state.fences[it], ticket) for it in {who.place, there}):
            return self._settle(state, number, me, change, (Verdict.FENCED, me.stored))
        if not protocol.is_unchanged(me.stored, before):
            again = me._replace(stored=before)
            did, after = self._decide(state, number, again, again=True)
            return f"finds {self._name(before)}; {did}", after
        verdict, row = protocol.decide(me.stored, change, again=False, may_skip=self._may_skip(me))
        did = f"writes {WORLDS[me.seen]} under {ticket}"
        if not verdict.is_write:  # a mutant's: judged by what is there now
            return self._settle(state, number, me, change, (verdict, row))
        self._check_write(state, me, change, f"{who.name} {did}")
        protocol.check(before, row)
        late = NO_ROW if protocol.reads_consistently else before
        state = state._replace(row=row, highest=max(ticket, state.highest), before=late)
        did_settle, after = self._settle(state, number, me, change, (verdict, row))
        return f"{did}{did_settle}", after

    def _check_write(self, state: State, me: Look, change: Change, did: str) -> None:
        if change.version <= state.highest:
            raise Violation(f"{did}, but {state.highest} was written before: an older look won")
        if not change.is_absence or state.row == NO_ROW:
            return
        if not me.ghosts & WAS_GONE:
            raise Violation(f"{did}, but it was there all the time: a false absence")
        if self.protocol.rows.moment(state.row) > me.moment:
            raise Violation(f"{did}, but it was seen alive later: a false absence")

    def _settle(
        self, state: State, number: int, me: Look, change: Change, result: tuple[Verdict, int]
    ) -> Step:  # fmt: skip
        """Look again, or publish the winner."""
        verdict, row = result
        protocol, did = self.protocol, f": {verdict.name}"
        is_listing = not me.is_narrow or (me.is_nominated and change.is_absence)
        if verdict is Verdict.FENCED:
            me = me._replace(ghosts=me.ghosts | (OVERTAKEN if is_listing else FENCED))
        if protocol.looks_again(row, change, verdict, is_complete=is_listing):
            if me.rounds == NARROW_LOOKS:
                return f"{did}, gives up", self._put(state, number, Look(At.DONE))
            me = me._replace(at=At.DRAW, is_nominated=False, seen=GONE, stored=NO_ROW)
            me = me._replace(rounds=me.rounds + 1)
            return did, self._put(state, number, me)
        if row == NO_ROW or verdict.is_open or not protocol.sends(verdict):
            return did, self._end(state, number, me)
        if verdict is Verdict.SAME and not me.is_narrow:
            copy = protocol.confirmation(row, me.listing, me.listed)
        else:
            copy = protocol.copy(row, None, None, protocol.rows.version(row))
        return did, self._put(state, number, me._replace(at=At.PUBLISH, winner=copy))

    def _publish(self, state: State, number: int) -> Step:
        me = state.looks[number]
        copy = me.winner
        assert copy is not None
        taken = self.protocol.publishes(copy, state.mirror)
        did = f"publishes {self._copy_name(copy)}" + ("" if taken else ": refused")
        if not (taken or state.is_young) and copy == state.mirror:
            raise Violation(f"{did}: the life of the entry is not renewed")
        return did, self._end(self._mirrored(state, copy, did) if taken else state, number, me)

    def _end(self, state: State, number: int, me: Look) -> State:
        """All is recorded; a complete look has yet to say that it is complete."""
        if not self.scope.looks[number].full:
            return self._finish(self._put(state, number, me), number)
        me = me._replace(winner=None, stored=NO_ROW, is_narrow=False, is_nominated=False)
        if me.ghosts & OVERTAKEN and not self.protocol.counts_overtaken_as_complete:
            return self._finish(self._put(state, number, me), number)
        at = At.COMPLETE if self.protocol.fences_before_writing else At.FENCE
        return self._put(state, number, me._replace(at=at))

    def _finish(self, state: State, number: int) -> State:
        """The look is over; a complete one answers for its place."""
        who, me = self.scope.looks[number], state.looks[number]
        state = self._put(state, number, Look(At.DONE))
        is_complete = who.full and me.at is At.COMPLETE
        if is_complete:
            state = self._complete(state, number, me)
        ghosts = 0
        is_narrow = not who.full and alive_in(me.seen, who.place) is not None
        if me.ghosts & SAME_WORLD and (is_complete or is_narrow):
            ghosts |= SURE
            if is_complete and me.ghosts & NO_FAULT and me.ghosts & ALONE:
                ghosts |= HEALED
        is_seen = alive_in(state.world, who.place) and me.ghosts & SAME_SINCE_SEEN
        if me.ghosts & (OVERTAKEN | FENCED) and is_seen:
            ghosts |= SEEN
        known = [it | ghosts if at == who.place else it for at, it in enumerate(state.places)]
        return state._replace(places=(known[0], known[1]))

    def _complete(self, state: State, number: int, me: Look) -> State:
        place = self.scope.looks[number].place
        if state.completed[place][0] >= me.listing:
            return state
        completed = [*state.completed]
        completed[place] = (
            me.listing,
            state.moment if self.protocol.listed_at_the_end else me.listed,
        )
        return state._replace(completed=(completed[0], completed[1]))

    def _of_reader(self, state: State, number: int) -> Iterator[Step]:
        """A reader that missed asks the table, and refills unless it took too long."""
        at, copy = state.readers[number]
        if at == At.IDLE and state.row != NO_ROW:
            place = [str(it) for it in PLACES].index(self.protocol.rows.record(state.row).place)
            copy = self.protocol.refill(state.row, state.completed[place])
            did = f"reads {self._copy_name(copy)} from the table"
            yield did, self._read(state, number, (At.REFILL, copy))
        elif at == At.REFILL and copy is not None:
            done = self._read(state, number, (At.DONE, None))
            yield "is too late to refill", done
            taken = self.protocol.refills(copy, state.mirror)
            did = f"refills {self._copy_name(copy)}" + ("" if taken else ": refused")
            yield did, self._mirrored(done, copy, did) if taken else done

    def _mirrored(self, state: State, copy: Copy, did: str) -> State:
        """The mirror takes an entry: it may not go back, and what it claims must have been true."""
        version, old = self.protocol.rows.version, state.mirror
        if old is not None and version(copy.row) < version(old.row):
            raise Violation(f"{did}, but {self._copy_name(old)} was mirrored: the mirror went back")
        if old is not None and old.row == copy.row and copy.word < old.word:
            raise Violation(f"{did}, but {old.word} had the last word: an older look's replaced it")
        row = self.protocol.rows[copy.row]
        assert row is not None
        place = [str(it) for it in PLACES].index(row["place"])
        since = state.history[copy.moment :]
        is_bound = state.slipped and row["presence"] == "absent"
        if not is_bound and not any(is_told(row, it, place) for it in since):
            raise Violation(f"{did}, which has not been so since: fresher than true")
        replica = state.mirror if copy != state.mirror else state.replica
        return state._replace(mirror=copy, is_young=True, replica=replica)

    def _seen(self, state: State, number: int) -> int:
        return state.world if alive_in(state.world, self.scope.looks[number].place) else GONE

    def _name(self, row: int) -> str:
        return f"version {self.protocol.rows.version(row)}" if row else "no row"

    def _copy_name(self, copy: Copy) -> str:
        return f"{self._name(copy.row)} of {copy.confirmed}, true at {copy.moment}"

    @staticmethod
    def _put(state: State, number: int, look: Look) -> State:
        return state._replace(looks=(*state.looks[:number], look, *state.looks[number + 1 :]))

    @staticmethod
    def _read(state: State, number: int, reader: tuple[At, Copy | None]) -> State:
        return state._replace(
            readers=(*state.readers[:number], reader, *state.readers[number + 1 :])
        )
