/* Turns of a replay: waiting for one, passing it on, and the gate's four steps. Part of `_core.c`. */

#if defined(__x86_64__) || defined(__i386__)
#define PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define PAUSE() __asm__ __volatile__("yield")
#else
#define PAUSE()
#endif

/* The actor's part of the order, or NULL. Borrowed. */
static Following *
following_of(Writer *actor)
{
    PyObject *mine = actor == NULL ? NULL : actor->following;
    return mine != NULL && PyObject_TypeCheck(mine, &FollowingType) ? (Following *)mine : NULL;
}

/* Whether the next event is this one, and no debugger is opened there. */
static int
is_next(Following *mine, int kind, uint32_t object, Event *event)
{
    Py_ssize_t most = mine->end < mine->size ? mine->end : mine->size;
    if (mine->cursor < 0 || mine->cursor > most - (Py_ssize_t)sizeof(Event)) return 0;
    memcpy(event, mine->first + mine->cursor, sizeof(Event)); /* it may lie at any address */
    return event->kind == kind && event->object == object && !(event->flags & STOP);
}

/* What tells an actor its turn: a semaphore for one of another process, which the gate opens. A new reference. */
static PyObject *
baton_of(Following *mine, uint32_t index, int is_far)
{
    if (is_far) {
        PyObject *number = PyLong_FromUnsignedLong(index), *known = NULL;
        if (number != NULL && mine->far != NULL) {
            known = Py_XNewRef(PyDict_GetItemWithError(mine->far, number));
        }
        if (number != NULL && known == NULL && !PyErr_Occurred()) {
            known = PyObject_CallMethodOneArg(mine->gate, str_semaphore, number);
        }
        Py_XDECREF(number);
        return known;
    }
    if (mine->batons == NULL || (Py_ssize_t)index >= PyList_Size(mine->batons)) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_IndexError, "no baton of that actor");
        }
        return NULL;
    }
    return Py_NewRef(PyList_GET_ITEM(mine->batons, index));
}

/* How a turn that another process passes on is waited for: awake, while it is `near` turns away at most, up to so many `looks`.
   To fall asleep and be woken costs more than many turns do. Whose turn it is may have to wait for this very processor, so it is
   offered now and then. 0 looks: asleep at once. */
static long near, looks;

enum { AT_ONCE_LOOKS = 16 }; /* with the GIL: to give it back costs as much */

/* stay_awake(near, looks) */
static PyObject *
core_stay_awake(PyObject *module, PyObject *args)
{
    if (!PyArg_ParseTuple(args, "ll:stay_awake", &near, &looks)) return NULL;
    Py_RETURN_NONE;
}

/* The semaphore of an actor that other processes tell its turn, or NULL with an error. */
static sem_t *
semaphore_of(Following *mine, uint32_t index)
{
    if (index < mine->known_size && mine->known[index] != NULL) return mine->known[index];
    PyObject *baton = baton_of(mine, index, 1), *handle = baton == NULL ? NULL : PyObject_GetAttr(baton, str_handle);
    Py_XDECREF(baton);
    sem_t *semaphore = handle == NULL ? NULL : PyLong_AsVoidPtr(handle);
    Py_XDECREF(handle);
    if (semaphore == NULL) return NULL;
    if (index >= mine->known_size) {
        sem_t **known = PyMem_Realloc(mine->known, (index + 8) * sizeof(sem_t *));
        if (known == NULL) {
            PyErr_NoMemory();
            return NULL;
        }
        memset(known + mine->known_size, 0, (index + 8 - mine->known_size) * sizeof(sem_t *));
        mine->known = known;
        mine->known_size = index + 8;
    }
    return mine->known[index] = semaphore;
}

/* Look at the semaphore up to so many times, as long as the turn at this position is near. */
static int
look(sem_t *semaphore, const uint32_t *done, uint32_t position, long times)
{
    for (long at = 0; at < times; at++) {
        if (sem_trywait(semaphore) == 0) return 1;
        if (at % AT_ONCE_LOOKS == AT_ONCE_LOOKS - 1) {
            if (position - __atomic_load_n(done, __ATOMIC_RELAXED) > (uint32_t)near) return 0;
            if (times > AT_ONCE_LOOKS) sched_yield();
        }
        PAUSE();
    }
    return 0;
}

/* Whether the turn at this position came while it was waited for awake: 1 it did, 0 it did not, -1 error. */
static int
came_soon(Following *mine, uint32_t position)
{
    if (!looks || mine->status.obj == NULL) return 0;
    sem_t *semaphore = semaphore_of(mine, mine->index);
    if (semaphore == NULL) return -1;
    int came = look(semaphore, mine->status.buf, position, AT_ONCE_LOOKS);
    if (!came && position - __atomic_load_n((const uint32_t *)mine->status.buf, __ATOMIC_RELAXED) <= (uint32_t)near) {
        Py_BEGIN_ALLOW_THREADS
        came = look(semaphore, mine->status.buf, position, looks);
        Py_END_ALLOW_THREADS
    }
    return came;
}

/* Wait for the turn of the next event, and have it: `held`. */
static int
take_turn(Following *mine, const Event *event)
{
    if (event->flags & AWAIT && !mine->told) {
        mine->blocked = 1; /* for `signals`: what arrives meanwhile is put off */
        int came = event->flags & FAR_AWAIT ? came_soon(mine, event->position) : 0;
        PyObject *baton = came ? NULL : event->flags & FAR_AWAIT ? baton_of(mine, mine->index, 1) : Py_XNewRef(mine->baton);
        PyObject *done = baton == NULL ? NULL : PyObject_CallMethodNoArgs(baton, str_raw_acquire);
        mine->blocked = 0;
        Py_XDECREF(baton);
        if (came < 0 || (!came && done == NULL)) return -1;
        Py_XDECREF(done);
    }
    mine->told = 0;
    mine->cursor += sizeof(Event);
    mine->flags = event->flags;
    mine->after = event->after;
    mine->position = event->position;
    mine->has_turn = 1;
    return 0;
}

/* Tell the next actor that it is its turn. */
static int
tell_next(Following *mine)
{
    if (mine->flags & FAR_POST) {
        sem_t *semaphore = semaphore_of(mine, mine->after);
        if (semaphore == NULL) return -1;
        return sem_post(semaphore) == 0 ? 0 : (PyErr_SetFromErrno(PyExc_OSError), -1);
    }
    PyObject *baton = baton_of(mine, mine->after, 0);
    PyObject *done = baton == NULL ? NULL : PyObject_CallMethodNoArgs(baton, str_raw_release);
    Py_XDECREF(baton);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* Pass the turn on, if it is this actor's: the status for the controller, then the next actor's baton. */
static int
pass_on(Following *mine)
{
    if (!mine->has_turn) return 0;
    mine->has_turn = 0;
    if (mine->flags & LOCAL) return 0;
    uint32_t status[2] = {mine->position + 1, 0};
    if (mine->status.obj != NULL) {
        memcpy(mine->status.buf, status, sizeof(status));
    }
    int expects_signal = mine->flags & BEFORE_SIGNAL; /* to tell may take another turn on: a handler may run in it */
    if (mine->flags & POST && tell_next(mine) < 0) return -1;
    if (!expects_signal) return 0;
    PyObject *done = PyObject_CallMethodOneArg(mine->gate, str_expect_signal, (PyObject *)mine);
    Py_XDECREF(done);
    return done == NULL ? -1 : 0;
}

/* The same after an operation that ended with `result`: an error of its own goes on. */
static int
pass_on_after(Following *mine, int result)
{
    PyObject *error = result < 0 ? PyErr_GetRaisedException() : NULL;
    if (pass_on(mine) < 0) {
        Py_XDECREF(error);
        return -1;
    }
    PyErr_SetRaisedException(error);
    return result;
}

/* The actor and the numbers that all steps of the gate begin with. */
static Writer *
at_gate(PyObject *const *args, int64_t *kind, int64_t *object, int64_t *site)
{
    if (!PyObject_TypeCheck(args[0], &WriterType) || following_of((Writer *)args[0]) == NULL) {
        PyErr_SetString(PyExc_TypeError, "not an actor that follows a trace");
        return NULL;
    }
    if (number_of(args[1], UINT16_MAX, kind) < 0 || number_of(args[2], UINT32_MAX, object) < 0 ||
        number_of(args[3], UINT32_MAX, site) < 0) {
        return NULL;
    }
    return (Writer *)args[0];
}

/* Wait for the turn of an operation, and tell what the trace says came of it. */
static int
enter_turn(Following *mine, int kind, uint32_t object, PyObject *const *args, int64_t *want)
{
    Event event;
    if (is_next(mine, kind, object, &event)) {
        *want = event.value;
        return take_turn(mine, &event);
    }
    PyObject *with_gate[] = {mine->gate, args[0], args[1], args[2], args[3]};
    PyObject *told = PyObject_VectorcallMethod(str_enter_purely, with_gate, 5, NULL);
    int result = told == NULL ? -1 : number_of(told, 0, want);
    Py_XDECREF(told);
    return result;
}

/* enter_turn(actor, kind, object, site) */
static PyObject *
core_enter_turn(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    int64_t kind, object, site, want;
    Writer *actor = nargs == 4 ? at_gate(args, &kind, &object, &site) : NULL;
    if (actor == NULL) {
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "enter_turn takes an actor, kind, object and site");
    }
    PyObject *mine = Py_NewRef(actor->following);
    int result = enter_turn((Following *)mine, (int)kind, (uint32_t)object, args, &want);
    Py_DECREF(mine);
    return result < 0 ? NULL : PyLong_FromLongLong(want);
}

/* leave_turn(actor, kind, object, site, value, waited_us=0) */
static PyObject *
core_leave_turn(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    PyObject *done = core_emit(module, args, nargs);
    Following *mine = done == NULL ? NULL : (Following *)Py_XNewRef(following_of((Writer *)args[0]));
    if (mine != NULL && pass_on(mine) < 0) {
        Py_CLEAR(done);
    }
    Py_XDECREF(mine);
    return done;
}

/* give_turn(actor, kind, object, site, value): wait for the turn and record; the effect comes before the turn is passed on. */
static PyObject *
core_give_turn(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    int64_t kind, object, site, value, want;
    Writer *actor = nargs == 5 ? at_gate(args, &kind, &object, &site) : NULL;
    if (actor == NULL) {
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "give_turn takes an actor, kind, object, site and value");
    }
    if (number_of(args[4], 0, &value) < 0) return NULL;
    Following *mine = (Following *)Py_NewRef(actor->following);
    int result = enter_turn(mine, (int)kind, (uint32_t)object, args, &want);
    if (result == 0 && want != value && (kind == START || kind == PUT)) { /* another value of these is another run */
        PyObject *wanted = PyLong_FromLongLong(want);
        PyObject *with_gate[] = {mine->gate, args[0], args[1], args[2], args[3], args[4], wanted};
        PyObject *done = wanted == NULL ? NULL : PyObject_VectorcallMethod(str_differs, with_gate, 7, NULL);
        result = done == NULL ? -1 : 0;
        Py_XDECREF(wanted);
        Py_XDECREF(done);
    }
    if (result == 0) {
        result = emit(actor, (int)kind, (uint32_t)object, (uint32_t)site, value, 0);
    }
    Py_DECREF(mine);
    return result < 0 ? NULL : PyLong_FromLongLong(want);
}

static PyObject *
core_pass_on(PyObject *module, PyObject *actor)
{
    Following *mine = PyObject_TypeCheck(actor, &WriterType) ? (Following *)Py_XNewRef(following_of((Writer *)actor)) : NULL;
    if (mine == NULL) {
        PyErr_SetString(PyExc_TypeError, "not an actor that follows a trace");
        return NULL;
    }
    int result = pass_on(mine);
    Py_DECREF(mine);
    if (result < 0) return NULL;
    Py_RETURN_NONE;
}
