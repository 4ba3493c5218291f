/* Queues between processes and messages on connections. Part of `_core.c`. */

static PyObject *deque_append, *deque_popleft, *deque_type;

/* Put an item in with the tag of who has just taken `_notempty` for that. */
static PyObject *
buffer_append(PyObject *self, PyObject *item)
{
    LockBase *notempty = (LockBase *)PyObject_GetAttr(self, str_notempty);
    if (notempty == NULL) return NULL;
    PyObject *tagged = Py_BuildValue("LO", (long long)notempty->tag, item);
    PyObject *args[] = {self, tagged};
    PyObject *result = tagged == NULL ? NULL : PyObject_Vectorcall(deque_append, args, 2, NULL);
    Py_XDECREF(tagged);
    Py_DECREF(notempty);
    return result;
}

/* Take the next item out, and record whose it is. */
static PyObject *
buffer_popleft(PyObject *self, PyObject *unused)
{
    PyObject *tagged = PyObject_CallOneArg(deque_popleft, self), *number = NULL, *item = NULL;
    Writer *actor = acting();
    int64_t tag, object;
    uint32_t site;
    if (tagged == NULL || number_of(PyTuple_GET_ITEM(tagged, 0), 0, &tag) < 0) {
        Py_XDECREF(tagged);
        return NULL;
    }
    Py_XINCREF(actor);
    if (actor == NULL || !tag ||
        ((number = PyObject_GetAttr(self, str_number)) != NULL && number_of(number, UINT32_MAX, &object) == 0 &&
         before_operation(actor) == 0 && current_site(&site) == 0 &&
         emit(actor, GET, (uint32_t)object, site, tag, 0) == 0)) {
        item = Py_NewRef(PyTuple_GET_ITEM(tagged, 1));
    }
    Py_XDECREF(actor);
    Py_XDECREF(number);
    Py_DECREF(tagged);
    return item;
}

static PyMethodDef buffer_methods[] = {
    {"append", buffer_append, METH_O, "As `deque.append`; only called by who has just put."},
    {"popleft", buffer_popleft, METH_NOARGS, "As `deque.popleft`; only called by the feeder. Raises: IndexError."},
    {NULL},
};

static PyType_Slot buffer_slots[] = {{Py_tp_methods, buffer_methods}, {0, NULL}};

static PyType_Spec buffer_spec = {"simcore._core.BufferBase", 0, 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, buffer_slots};

/* The class, made of Python's `deque`. */
static int
add_buffer(PyObject *module)
{
    PyObject *collections = PyImport_ImportModule("_collections"), *deque = NULL, *made = NULL;
    if (collections != NULL && (deque = PyObject_GetAttrString(collections, "deque")) != NULL &&
        (deque_append = PyObject_GetAttrString(deque, "append")) != NULL &&
        (deque_popleft = PyObject_GetAttrString(deque, "popleft")) != NULL) {
        made = PyType_FromSpecWithBases(&buffer_spec, deque);
        deque_type = Py_NewRef(deque);
    }
    int result = made == NULL ? -1 : PyModule_AddObjectRef(module, "BufferBase", made);
    Py_XDECREF(collections);
    Py_XDECREF(deque);
    Py_XDECREF(made);
    return result;
}

/* The number that an object bears under a name: 0 where it has none, -1 error. */
static int64_t
number_named(PyObject *object, PyObject *name)
{
    int64_t number = 0;
    PyObject *told = PyObject_GetAttr(object, name);
    if (told == NULL) {
        if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return -1;
        PyErr_Clear();
        return 0;
    }
    if (number_of(told, UINT32_MAX, &number) < 0) {
        number = -1;
    }
    Py_DECREF(told);
    return number;
}

/* sending(connection, message, send, rarely): record the message and send it, which may wait for room.

   All but what goes into a queue's pipe is left to `rarely`: who sends there holds the queue's lock. */
static PyObject *
core_sending(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Writer *actor = acting();
    int64_t number = 0;
    uint32_t site;
    if (nargs != 4) {
        PyErr_SetString(PyExc_TypeError, "sending takes a connection, a message, and how it is sent");
        return NULL;
    }
    if (actor != NULL && (number = number_named(args[0], str_simcore_queue)) > 0) {
        number = number_named(args[0], str_simcore_id);
    }
    if (number <= 0) return number < 0 ? NULL : PyObject_Vectorcall(args[3], args, 2, NULL);
    Py_INCREF(actor);
    Py_ssize_t size = PyObject_Size(args[1]);
    if (size < 0 || current_site(&site) < 0 || emit(actor, SEND, (uint32_t)number, site, size, 0) < 0) {
        Py_DECREF(actor);
        return NULL;
    }
    publish(actor, SEND, (uint32_t)number, site, WAIT_STAMPED);
    PyObject *result = PyObject_Vectorcall(args[2], args, 2, NULL);
    unpublish(actor); /* it stays nowhere: it is stamped */
    if (result == NULL && PyErr_ExceptionMatches(PyExc_OSError)) { /* nothing was sent */
        PyObject *error = PyErr_GetRaisedException(), *told = PyObject_GetAttrString(error, "errno");
        int64_t code = 0;
        if (told == NULL || (told != Py_None && number_of(told, 0, &code) < 0) ||
            emit(actor, UNDO, (uint32_t)number, site, -code, 0) < 0) {
            Py_DECREF(error);
        }
        else {
            PyErr_SetRaisedException(error);
        }
        Py_XDECREF(told);
    }
    Py_DECREF(actor);
    return result;
}

/* receiving(connection, most, receive, rarely, value_of): receive a message and record what came.

   `value_of` tells the value of an error, or None where that is none of the connection's. */
static PyObject *
core_receiving(PyObject *module, PyObject *const *args, Py_ssize_t nargs)
{
    Writer *actor = acting();
    int64_t number = 0, value = TOO_LONG;
    uint32_t site;
    if (nargs != 5) {
        PyErr_SetString(PyExc_TypeError, "receiving takes a connection, the most that may come, and how it is received");
        return NULL;
    }
    if (actor != NULL) {
        number = number_named(args[0], str_simcore_id);
    }
    if (number <= 0) return number < 0 ? NULL : PyObject_Vectorcall(args[3], args, 2, NULL);
    Py_INCREF(actor);
    if (before_operation(actor) < 0 || current_site(&site) < 0) {
        Py_DECREF(actor);
        return NULL;
    }
    uint64_t since = publish(actor, RECV, (uint32_t)number, site, 0);
    PyObject *result = PyObject_Vectorcall(args[2], args, 2, NULL), *told = NULL;
    PyObject *error = result == NULL ? PyErr_GetRaisedException() : NULL;
    uint64_t waited_us = (now() - since) / 1000;
    int failed = unpublish(actor) < 0, is_event = 1;
    if (failed) {
        is_event = 0;
    }
    else if (result == NULL) {
        told = PyObject_CallOneArg(args[4], error);
        is_event = told != Py_None;
        failed = told == NULL || (is_event && number_of(told, 0, &value) < 0);
    }
    else if (result != Py_None) {
        told = PyObject_CallMethodNoArgs(result, str_tell);
        failed = told == NULL || number_of(told, 0, &value) < 0;
    }
    if (!failed && is_event) {
        waited_us = waited_us > UINT32_MAX ? UINT32_MAX : waited_us;
        failed = emit(actor, RECV, (uint32_t)number, site, value, (uint32_t)waited_us) < 0;
    }
    Py_XDECREF(told);
    if (failed) {
        Py_CLEAR(result);
        Py_XDECREF(error);
    }
    else if (error != NULL) {
        PyErr_SetRaisedException(error);
    }
    Py_DECREF(actor);
    return result;
}
