/* Locks that are being replayed. Part of `_core.c`. */

/* Take the lock in its turn, if that is what the trace has next: 1 done, 0 it is for Python to do, -1 error. */
static int
retake(LockBase *self)
{
    Writer *actor = acting();
    Following *mine = following_of(actor);
    Event event;
    uint32_t site;
    if (mine == NULL || !self->simcore_id || self->acquire == NULL || !is_next(mine, ACQUIRE, self->simcore_id, &event) ||
        event.value != 1 || event.flags & LOCAL) {
        return 0;
    }
    Py_INCREF(actor);
    Py_INCREF(mine);
    int result = current_site(&site);
    if (result == 0 && (result = take_turn(mine, &event)) == 0) {
        PyObject *got = PyObject_Call(self->acquire, without_waiting, NULL);
        if (got == Py_False) { /* whoever has it lets go of it at once */
            Py_SETREF(got, PyObject_CallMethodOneArg((PyObject *)self, str_insist, (PyObject *)actor));
        }
        result = got == NULL ? -1 : 0;
        Py_XDECREF(got);
        if (result == 0) {
            self->depth += self->owned != NULL;
            result = emit(actor, ACQUIRE, self->simcore_id, site, 1, 0);
        }
        result = pass_on_after(mine, result);
    }
    Py_DECREF(mine);
    Py_DECREF(actor);
    return result < 0 ? -1 : 1;
}

/* It was not taken: say so, and let that error go on. */
static int
undo(LockBase *self, Writer *actor, uint32_t site)
{
    PyObject *error = PyErr_GetRaisedException(), *place = PyLong_FromUnsignedLong(site);
    PyObject *args[] = {(PyObject *)self, (PyObject *)actor, place};
    PyObject *done = place == NULL ? NULL : PyObject_VectorcallMethod(str_undo, args, 3, NULL);
    Py_XDECREF(place);
    if (done == NULL) {
        Py_XDECREF(error);
    }
    else {
        PyErr_SetRaisedException(error);
    }
    Py_XDECREF(done);
    return -1;
}

/* Give the lock back in its turn. As `retake`. */
static int
regive(LockBase *self)
{
    Writer *actor = acting();
    Following *mine = following_of(actor);
    Event event;
    uint32_t site;
    if (mine == NULL || !self->simcore_id || self->release == NULL || !is_next(mine, RELEASE, self->simcore_id, &event) ||
        event.flags & LOCAL) {
        return 0;
    }
    if (self->owned != NULL) {
        PyObject *owned = PyObject_CallNoArgs(self->owned);
        Py_XDECREF(owned);
        if (owned != Py_True) return owned == NULL ? -1 : 0;
    }
    Py_INCREF(actor);
    Py_INCREF(mine);
    int result = current_site(&site);
    if (result == 0 && (result = take_turn(mine, &event)) == 0) {
        result = emit(actor, RELEASE, self->simcore_id, site, self->given, 0);
        if (result == 0) {
            self->depth -= self->owned != NULL;
            PyObject *done = PyObject_CallNoArgs(self->release);
            Py_XDECREF(done);
            result = done == NULL ? undo(self, actor, site) : 0;
        }
        result = pass_on_after(mine, result);
    }
    Py_DECREF(mine);
    Py_DECREF(actor);
    return result < 0 ? -1 : 1;
}
