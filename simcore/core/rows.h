/* Tables of rows that are found by four numbers, and gone through in the order in which they came. Part of `_core.c`. */

typedef struct {
    uint32_t key[4];
    int64_t clock, position; /* what the row says of it; a new one says NEW */
} Row;

typedef struct {
    Row *rows;
    uint32_t *index; /* by hash: a row's number and 1, or 0; used from more than FEW_ROWS rows on */
    uint32_t count, room, slots;
} Rows;

enum { NEW = -1, FEW_ROWS = 8, FIRST_ROWS = 4 };

static void
free_rows(Rows *rows)
{
    PyMem_Free(rows->rows);
    PyMem_Free(rows->index);
    memset(rows, 0, sizeof(*rows));
}

/* Where a row is, or belongs. */
static uint32_t *
row_slot(const Rows *rows, const uint32_t key[4])
{
    uint64_t hash = 0;
    for (int at = 0; at < 4; at++) {
        hash = (hash ^ key[at]) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    uint32_t slot = (uint32_t)hash & (rows->slots - 1);
    while (rows->index[slot] && memcmp(rows->rows[rows->index[slot] - 1].key, key, sizeof(rows->rows[0].key)) != 0) {
        slot = (slot + 1) & (rows->slots - 1);
    }
    return rows->index + slot;
}

/* An index of twice as many slots as there is room for rows. */
static int
index_rows(Rows *rows)
{
    if (rows->slots < 2 * rows->room) {
        uint32_t *index = PyMem_Malloc(2 * (size_t)rows->room * sizeof(uint32_t));
        if (index == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        PyMem_Free(rows->index);
        rows->index = index;
        rows->slots = 2 * rows->room;
    }
    memset(rows->index, 0, (size_t)rows->slots * sizeof(uint32_t));
    for (uint32_t at = 0; at < rows->count; at++) {
        *row_slot(rows, rows->rows[at].key) = at + 1;
    }
    return 0;
}

static Row *
add_row(Rows *rows, const uint32_t key[4])
{
    int grows = rows->count == rows->room;
    if (grows) {
        uint32_t room = rows->room ? 2 * rows->room : FIRST_ROWS;
        Row *more = room > INT32_MAX / 2 ? NULL : PyMem_Realloc(rows->rows, (size_t)room * sizeof(Row));
        if (more == NULL) {
            PyErr_NoMemory();
            return NULL;
        }
        rows->rows = more;
        rows->room = room;
    }
    Row *row = rows->rows + rows->count++;
    memcpy(row->key, key, sizeof(row->key));
    row->clock = row->position = NEW;
    if (rows->count > FEW_ROWS) {
        if (grows || rows->count == FEW_ROWS + 1) {
            if (index_rows(rows) < 0) return NULL;
        }
        else {
            *row_slot(rows, key) = rows->count;
        }
    }
    return row;
}

/* The row of these numbers, or NULL. */
static Row *
find_row(const Rows *rows, const uint32_t key[4])
{
    if (rows->count > FEW_ROWS) {
        uint32_t number = *row_slot(rows, key);
        return number ? rows->rows + number - 1 : NULL;
    }
    for (uint32_t at = 0; at < rows->count; at++) {
        if (memcmp(rows->rows[at].key, key, sizeof(rows->rows[at].key)) == 0) return rows->rows + at;
    }
    return NULL;
}

/* The same, a new one where there was none; it stays where it is until the next one is added. */
static Row *
row_of(Rows *rows, uint32_t first, uint32_t second, uint32_t third, uint32_t fourth)
{
    const uint32_t key[4] = {first, second, third, fourth};
    Row *row = find_row(rows, key);
    return row != NULL ? row : add_row(rows, key);
}
