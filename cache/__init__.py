"""What we know about recovery instances, and the two tiers it is kept in: DynamoDB (truth) and
Redis (its copy).

Who calls whom: a page read goes reader -> mirror, and on a miss -> table, then refills the mirror.
A sync goes recorder -> table, then publishes what the table says -> mirror. `protocol` decides
which word wins, for both.

To read the main flow from trigger to both tiers, in this order:

1. `cache.values`    places, server ids, times; `cache.errors`, the tree of what can go wrong
2. `cache.protocol`  what a look's word makes of a row: the heart
3. `services.sync.run`, then `.place`   a sync, and the steps in one place
4. `services.sync.look`   what DRS, EC2, the origin and the history are asked (`Look.observe`)
5. `cache.recorder`  the table first, then the mirror
6. `cache.table`     rows, written only if nothing newer is there
7. `cache.mirror`    keys, script and ages of the entries in Redis (`entry` their form, `exchange` a
                     wire)
8. `cache.reader`    the way out: mirror, table, or an honest "unknown"; `known_looks` says what is
                     called absent, `warming` which of several reads goes to the table
9. `services.reads.pages`   a page: plan, one look-up, fragments joined

The rules of the protocol are in README.md; pictures, both walks and a glossary in
docs/architecture.md.
"""
