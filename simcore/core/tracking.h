/* The events of a trace, one after the other, for FastTrack's check. Part of `_core.c`. */

/* The key of an access, as `Places.key_of`; negative for one that is not judged. */
static int
key_of_access(Tracking *self, int kind, uint32_t thing, uint32_t site, int64_t value, int64_t *key)
{
    if (kind < LOAD) {
        Row *row = row_of(&self->shared, thing, site, 0, 0);
        if (row == NULL) return -1;
        if (row->position == NEW) {
            if (ask_python(self->key_of, NUMBERS(kind, thing, site, value), &row->clock) < 0) return -1;
            row->position = 0;
        }
        *key = row->clock;
        return 0;
    }
    *key = thing;
    int64_t number = value >> 32;
    if (number <= 0) return 0;
    if (number <= self->texts && self->items[number - 1] != NOT_ASKED) {
        *key |= (int64_t)self->items[number - 1] << 32;
        return 0;
    }
    if (ask_python(self->key_of, NUMBERS(kind, thing, site, value), key) < 0) return -1;
    if (number <= self->texts) {
        self->items[number - 1] = (uint32_t)(*key >> 32);
    }
    return 0;
}

static Variable *
variable_of(Tracking *self, int64_t key)
{
    Row *row = row_of(&self->numbers, (uint32_t)key, (uint32_t)(key >> 32), 0, 0);
    if (row == NULL) return NULL;
    if (row->position == NEW) {
        int64_t flags;
        if (ask_python(self->describe, NUMBERS(key), &flags) < 0) return NULL;
        Variable **variables = with_room(self->variables, self->variables_made, &self->variable_room, sizeof(Variable *));
        if (variables == NULL) return NULL;
        self->variables = variables;
        Variable *made = PyMem_Calloc(1, sizeof(Variable));
        if (made == NULL) {
            PyErr_NoMemory();
            return NULL;
        }
        made->key = key;
        made->group = NEW;
        made->number = (uint32_t)self->variables_made;
        made->item = (uint32_t)(key >> 32);
        made->flags = (int)flags;
        variables[self->variables_made++] = made;
        row->position = made->number;
    }
    return self->variables[row->position];
}

/* Whether an access is part of a module that its actor was executing for all who import it: see `Places.began_import`. */
static int
is_import(Tracking *self, uint32_t host, uint32_t site, Py_ssize_t position)
{
    Row *row = row_of(&self->imports, host, site, 0, 0);
    if (row == NULL || (row->position == NEW && ask_python(self->began, NUMBERS(host, site), &row->position) < 0)) return -1;
    return row->position < position;
}

static int
take_access(Tracking *self, Py_ssize_t position, uint32_t what)
{
    uint32_t who = self->actor[position], thing = self->object[position], site = self->site[position];
    int64_t key;
    if (key_of_access(self, self->kind[position], thing, site, self->value[position], &key) < 0) return -1;
    if (key < 0) return 0;
    if (self->skipped[site]) {
        int skip = is_import(self, self->hosts[who], site, position);
        if (skip) return skip < 0 ? -1 : 0;
    }
    self->accesses++;
    Variable *place = variable_of(self, key);
    Look one = {self->actor_of[who], self->line_of[site], what, 0, position, NULL};
    if (place == NULL || (one.mine = known_to(&self->clocks, one.actor)) == NULL) return -1;
    one.clock = clock_at(self->clocks.own, one.actor);
    if (self->wholes[thing]) {
        if (compare_whole(self, thing, place, &one) < 0) return -1;
        if (place->flags & LOOSE) return PyErr_Occurred() ? -1 : 0;
    }
    int is_race = place->is_racy ? 1 : what == READS ? check_read(place, &one) : check_write(place, &one);
    if (is_race < 0 || (is_race && compare(self, place, &one) < 0)) return -1;
    Row *row = row_of(&place->last, one.actor, one.site, what, 0);
    if (row == NULL || PyErr_Occurred()) return -1;
    row->clock = one.clock;
    row->position = position;
    return 0;
}

static int
go_through(Tracking *self)
{
    Py_ssize_t next = 0;
    for (Py_ssize_t position = 0; position < self->events; position++) {
        uint32_t who = self->actor[position], thing = self->object[position];
        int kind = self->kind[position];
        if (who >= self->actors || thing >= self->objects || self->site[position] >= self->sites) {
            PyErr_Format(PyExc_IndexError, "event %zd leads nowhere", position);
            return -1;
        }
        if (position % BREATH == BREATH - 1) {
            if (PyErr_CheckSignals() < 0) return -1;
            Py_BEGIN_ALLOW_THREADS
            Py_END_ALLOW_THREADS
        }
        if (next < self->marked && self->marks[next] == position) {
            next++;
            if (tell_python(self->begins, NUMBERS(position)) < 0) return -1;
        }
        if (self->whats[kind]) {
            if (take_access(self, position, self->whats[kind] & (READS | WRITES)) < 0) return -1;
            continue;
        }
        PyObject *handler = PyList_GET_ITEM(self->handlers, kind);
        if (handler == Py_None) continue;
        if (self->plain[thing] && (kind == ACQUIRE || kind == RELEASE)) {
            if (self->plain[thing] == ORDERS_NOTHING) continue;
            int done = hand_on(&self->clocks, self->actor_of[who], kind, thing, self->value[position]);
            if (done < 0) return -1;
            if (done) continue;
        }
        if (tell_python(handler, NUMBERS(self->actor_of[who], thing, self->value[position])) < 0) return -1;
    }
    return 0;
}

/* What was found: how many accesses at how many places, whether all were compared, pairs, untold ones. */
static PyObject *
what_was_found(Tracking *self)
{
    uint32_t count = self->pair_numbers.count;
    PyObject *pairs = PyList_New(0), *result = NULL;
    for (uint32_t at = 0; pairs != NULL && at < count; at++) {
        const Pair *one = self->pairs + at;
        PyObject *pair = Py_BuildValue("((III)(LL)LiiN)", one->group, one->lower, one->higher, (long long)one->first,
                                       (long long)one->second, (long long)one->times, one->whats, one->is_sure, PyList_New(0));
        if (pair == NULL || PyList_Append(pairs, pair) < 0) Py_CLEAR(pairs);
        Py_XDECREF(pair);
    }
    for (uint32_t at = 0; pairs != NULL && at < self->met.count; at++) {
        const uint32_t *numbers = self->met.rows[at].key;
        PyObject *key = PyLong_FromLongLong(self->variables[numbers[1]]->key);
        if (key == NULL || PyList_Append(PyTuple_GET_ITEM(PyList_GET_ITEM(pairs, numbers[0]), 5), key) < 0) Py_CLEAR(pairs);
        Py_XDECREF(key);
    }
    if (pairs != NULL) {
        result = Py_BuildValue("(LniOO)", (long long)self->accesses, (Py_ssize_t)self->variables_made, self->is_complete, pairs,
                               self->untold);
    }
    Py_XDECREF(pairs);
    return result;
}

static void
free_tracking(Tracking *self)
{
    for (size_t at = 0; at < self->variables_made; at++) {
        Variable *one = self->variables[at];
        free_rows(&one->readers);
        free_rows(&one->last);
        PyMem_Free(one);
    }
    for (size_t at = 0; at < self->containers_made; at++) {
        free_rows(&self->containers[at].last);
    }
    PyMem_Free(self->variables);
    PyMem_Free(self->containers);
    PyMem_Free(self->pairs);
    PyMem_Free(self->items);
    Rows *all[] = {&self->shared, &self->imports, &self->numbers, &self->container_numbers, &self->pair_numbers, &self->met};
    for (size_t at = 0; at < sizeof(all) / sizeof(all[0]); at++) {
        free_rows(all[at]);
    }
    Py_XDECREF(self->untold);
    while (self->opened) {
        PyBuffer_Release(&self->buffers[--self->opened]);
    }
}

/* A column or table of numbers of this size, of `count` of them if that is not negative. */
static const void *
numbers_of(Tracking *self, PyObject *object, Py_ssize_t size, Py_ssize_t *count)
{
    Py_buffer *buffer = self->buffers + self->opened;
    if (PyObject_GetBuffer(object, buffer, PyBUF_FORMAT) < 0) return NULL;
    self->opened++;
    if (buffer->itemsize != size || (*count >= 0 && buffer->len / size != *count)) {
        PyErr_Format(PyExc_ValueError, "%zd bytes of numbers of %zd bytes each, expected %zd numbers of %zd", buffer->len,
                     buffer->itemsize, *count, size);
        return NULL;
    }
    *count = buffer->len / size;
    return buffer->buf;
}

/* fasttrack(columns, tables, clocks, asked, limits): see `analysis.tracking`. */
static PyObject *
core_fasttrack(PyObject *module, PyObject *args)
{
    Tracking self = {.events = -1, .actors = -1, .sites = -1, .objects = -1, .marked = -1, .is_complete = 1};
    PyObject *columns[5], *tables[8], *result = NULL;
    Py_ssize_t kinds = 256;
    if (!PyArg_ParseTuple(args, "(OOOOO)(OOOOOOOO)(O!O!O!O!)(O!OOOOOOO)(nLn):fasttrack", columns, columns + 1, columns + 2,
                          columns + 3, columns + 4, tables, tables + 1, tables + 2, tables + 3, tables + 4, tables + 5, tables + 6,
                          tables + 7, &PyList_Type, &self.clocks.own, &PyList_Type, &self.clocks.known, &PyList_Type,
                          &self.clocks.sent, &PyList_Type, &self.clocks.owner, &PyList_Type, &self.handlers, &self.begins,
                          &self.key_of, &self.began, &self.describe, &self.group, &self.is_untold, &self.touch, &self.texts,
                          &self.left, &self.most_pairs)) {
        return NULL;
    }
    self.clocks.actors = PyList_GET_SIZE(self.clocks.own);
    if ((self.actor = numbers_of(&self, columns[0], 4, &self.events)) != NULL &&
        (self.kind = numbers_of(&self, columns[1], 1, &self.events)) != NULL &&
        (self.object = numbers_of(&self, columns[2], 4, &self.events)) != NULL &&
        (self.site = numbers_of(&self, columns[3], 4, &self.events)) != NULL &&
        (self.value = numbers_of(&self, columns[4], 8, &self.events)) != NULL &&
        (self.whats = numbers_of(&self, tables[0], 1, &kinds)) != NULL &&
        (self.hosts = numbers_of(&self, tables[1], 4, &self.actors)) != NULL &&
        (self.actor_of = numbers_of(&self, tables[2], 4, &self.actors)) != NULL &&
        (self.plain = numbers_of(&self, tables[3], 1, &self.objects)) != NULL &&
        (self.wholes = numbers_of(&self, tables[4], 1, &self.objects)) != NULL &&
        (self.line_of = numbers_of(&self, tables[5], 4, &self.sites)) != NULL &&
        (self.skipped = numbers_of(&self, tables[6], 1, &self.sites)) != NULL &&
        (self.marks = numbers_of(&self, tables[7], 8, &self.marked)) != NULL) {
        self.untold = PyList_New(0);
        self.items = self.texts < 0 ? NULL : PyMem_Malloc(((size_t)self.texts + 1) * sizeof(uint32_t));
        if (self.items == NULL || PyList_GET_SIZE(self.handlers) != kinds) {
            PyErr_SetString(PyExc_ValueError, "fasttrack takes the number of texts, and a handler or None for each kind");
        }
        else if (self.untold != NULL) {
            memset(self.items, 0xFF, ((size_t)self.texts + 1) * sizeof(uint32_t));
            result = go_through(&self) < 0 ? NULL : what_was_found(&self);
        }
    }
    free_tracking(&self);
    return result;
}
