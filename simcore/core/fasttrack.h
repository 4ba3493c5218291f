/* FastTrack's check of all accesses of a trace. Part of `_core.c`.

   It mirrors `_Pass` in `simcore.analysis.fasttrack`, which says what is done and why, and finds the same in the same order. What
   a place is, and what most events order, is asked of Python. */

enum { READS = 1, WRITES = 2 };
enum { LOOSE = 1, UNTOLD_ITEM = 2 }; /* what `describe` says of a place */
enum { OF_UNTOLD = 4 };              /* stands with what an access does: nobody knows the item */
enum { ORDERS_NOTHING = 2 };         /* what `Happens.plain` says of a lock */
enum { BREATH = 1 << 16 };           /* after so many events signals are looked for, and others may run */
enum { BUFFERS = 13 };
static const uint32_t NOT_ASKED = UINT32_MAX;

typedef struct {
    int64_t key, group; /* NEW until it is asked for */
    uint32_t number, item;
    int flags, is_racy, is_untold, is_told;
    uint32_t writer, reader;
    int64_t write_clock, read_clock;
    Rows readers; /* those since the last write, if they are more than one */
    Rows last;    /* by actor, site and what */
} Variable;

typedef struct {
    int is_racy, is_chained;
    uint32_t actor;
    int64_t clock;
    Rows last; /* by actor, site, what and item */
} Whole;

typedef struct {
    uint32_t group, lower, higher;
    int64_t first, second, times;
    int is_sure;
    uint16_t whats; /* by bits: 4 times what the lower site does, and what the higher one does */
} Pair;

/* One access, as it is compared. */
typedef struct {
    uint32_t actor, site, what;
    int64_t clock, position;
    PyObject *mine; /* what its actor knows */
} Look;

typedef struct {
    Py_buffer buffers[BUFFERS];
    int opened;
    Py_ssize_t events, actors, sites, objects, marked, texts;
    const uint32_t *actor, *object, *site;
    const uint8_t *kind;
    const int64_t *value;
    const uint8_t *whats, *plain, *wholes, *skipped;
    const uint32_t *hosts, *actor_of, *line_of;
    const int64_t *marks;
    Clocks clocks;
    PyObject *handlers, *begins, *key_of, *began, *describe, *group, *is_untold, *touch; /* borrowed from the arguments */
    uint32_t *items; /* by the number of a text */
    Rows shared, imports, numbers, container_numbers, pair_numbers;
    Rows met; /* pairs and variables, by their numbers */
    Variable **variables;
    Whole *containers;
    Pair *pairs;
    size_t variables_made, variable_room, containers_made, container_room, pair_room;
    PyObject *untold;
    Py_ssize_t most_pairs;
    long long left;
    int64_t accesses;
    int is_complete;
} Tracking;

/* The array with room for one more, doubled where it is used up; NULL with an error. */
static void *
with_room(void *array, size_t count, size_t *room, size_t size)
{
    if (count < *room) return array;
    size_t more = *room ? 2 * *room : 8;
    void *larger = more > PY_SSIZE_T_MAX / size ? NULL : PyMem_Realloc(array, more * size);
    if (larger == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    *room = more;
    return larger;
}

/* As `_Pass._pair`. */
static int
pair_up(Tracking *self, Variable *place, const Look *one, const Row *its, int is_unsure)
{
    uint32_t its_site = its->key[1], its_what = its->key[2] & (READS | WRITES);
    int is_lower = one->site <= its_site;
    uint32_t lower = is_lower ? one->site : its_site, higher = is_lower ? its_site : one->site;
    if (place->group == NEW) {
        int64_t is_untold;
        if (ask_python(self->group, NUMBERS(place->key), &place->group) < 0 ||
            ask_python(self->is_untold, NUMBERS(place->key), &is_untold) < 0) {
            return -1;
        }
        place->is_untold = is_untold != 0;
    }
    if (place->is_untold) {
        if (place->is_told) return 0;
        place->is_told = 1;
        PyObject *told = Py_BuildValue("(L(LII))", (long long)(place->key & UINT32_MAX), (long long)place->group, lower, higher);
        int failed = told == NULL || PyList_Append(self->untold, told) < 0;
        Py_XDECREF(told);
        return failed ? -1 : 0;
    }
    const uint32_t key[4] = {(uint32_t)place->group, lower, higher, 0};
    Row *row = find_row(&self->pair_numbers, key);
    if (row == NULL) {
        uint32_t number = self->pair_numbers.count;
        if (number >= self->most_pairs) {
            self->is_complete = 0;
            return 0;
        }
        Pair *pairs = with_room(self->pairs, number, &self->pair_room, sizeof(Pair));
        if (pairs == NULL) return -1;
        self->pairs = pairs;
        if ((row = add_row(&self->pair_numbers, key)) == NULL) return -1;
        pairs[number] = (Pair){(uint32_t)place->group, lower, higher, its->position, one->position, 0, 0, 0};
        row->position = number;
    }
    Pair *pair = self->pairs + row->position;
    pair->times++;
    pair->whats |= (uint16_t)(1 << (is_lower ? 4 * one->what + its_what : 4 * its_what + one->what));
    pair->is_sure |= !is_unsure;
    return row_of(&self->met, (uint32_t)row->position, place->number, 0, 0) == NULL ? -1 : 0;
}

/* As `_Pass._compare`. */
static int
compare(Tracking *self, Variable *place, const Look *one)
{
    place->is_racy = 1;
    self->left -= place->last.count;
    if (self->left < 0) {
        self->is_complete = 0;
        return 0;
    }
    for (uint32_t at = 0; at < place->last.count; at++) {
        const Row *its = place->last.rows + at;
        if (its->key[0] != one->actor && (one->what | its->key[2]) & WRITES && its->clock > clock_at(one->mine, its->key[0]) &&
            pair_up(self, place, one, its, 0) < 0) {
            return -1;
        }
    }
    return 0;
}

/* As `_Pass._compare_whole`. */
static int
compare_whole(Tracking *self, uint32_t thing, Variable *place, const Look *one)
{
    Row *number = row_of(&self->container_numbers, thing, 0, 0, 0);
    if (number == NULL) return -1;
    if (number->position == NEW) {
        Whole *containers = with_room(self->containers, self->containers_made, &self->container_room, sizeof(Whole));
        if (containers == NULL) return -1;
        self->containers = containers;
        containers[self->containers_made] = (Whole){.is_chained = 1};
        number->position = (int64_t)self->containers_made++;
    }
    Whole *whole = self->containers + number->position;
    /* All single items count as one, with the number of the empty text. */
    uint32_t item = place->flags & LOOSE ? place->item : 0;
    if (whole->is_chained && (whole->actor == one->actor || whole->clock <= clock_at(one->mine, whole->actor))) {
        whole->actor = one->actor;
        whole->clock = one->clock;
    }
    else {
        whole->is_chained = 0;
        self->left -= whole->is_racy ? whole->last.count : 0;
        if (self->left < 0) {
            self->is_complete = 0;
            return 0;
        }
        for (uint32_t at = 0; at < whole->last.count; at++) {
            const Row *its = whole->last.rows + at;
            int64_t touches, its_what = its->key[2] & (READS | WRITES);
            if (its->key[0] == one->actor || its->clock <= clock_at(one->mine, its->key[0]) ||
                !((one->what | its_what) & WRITES) || (!item && !its->key[3])) {
                continue;
            }
            if (ask_python(self->touch, NUMBERS(item, one->site, one->what, its->key[3], its->key[1], its_what), &touches) < 0) {
                return -1;
            }
            if (touches) {
                whole->is_racy = 1;
                if (pair_up(self, place, one, its, place->flags & UNTOLD_ITEM || its->key[2] & OF_UNTOLD) < 0) return -1;
            }
        }
    }
    uint32_t what = one->what | (item && place->flags & UNTOLD_ITEM ? OF_UNTOLD : 0);
    Row *row = row_of(&whole->last, one->actor, one->site, what, item);
    if (row == NULL) return -1;
    row->clock = one->clock;
    row->position = one->position;
    return 0;
}

/* Whether somebody else reached `clock` and the actor does not know of it. */
static int
is_unknown(const Look *one, uint32_t other, int64_t clock)
{
    return other != one->actor && clock > clock_at(one->mine, other);
}

/* A read of a place that has no race so far: whether this is one; -1 with an error. */
static int
check_read(Variable *place, const Look *one)
{
    int is_race = is_unknown(one, place->writer, place->write_clock);
    Row *row;
    if (!place->readers.count) {
        if (!is_unknown(one, place->reader, place->read_clock)) {
            place->reader = one->actor;
            place->read_clock = one->clock;
            return is_race;
        }
        if ((row = row_of(&place->readers, place->reader, 0, 0, 0)) == NULL) return -1;
        row->clock = place->read_clock;
    }
    if ((row = row_of(&place->readers, one->actor, 0, 0, 0)) == NULL) return -1;
    row->clock = one->clock;
    return is_race;
}

/* The same of a write. */
static int
check_write(Variable *place, const Look *one)
{
    int is_race = is_unknown(one, place->writer, place->write_clock) || is_unknown(one, place->reader, place->read_clock);
    for (uint32_t at = 0; !is_race && at < place->readers.count; at++) {
        is_race = is_unknown(one, place->readers.rows[at].key[0], place->readers.rows[at].clock);
    }
    place->readers.count = 0;
    place->writer = one->actor;
    place->write_clock = one->clock;
    place->reader = 0;
    place->read_clock = 0;
    return is_race;
}
