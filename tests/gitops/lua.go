package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	lua "github.com/yuin/gopher-lua"
	luajson "layeh.com/gopher-json"
)

// patience is what Argo CD gives a script.
const patience = time.Second

// runLua gives a script what Argo CD gives it by default: the object as `obj`, the base, table and package libraries,
// and of os, which has to be required, the time and the date. No string and no math library, not even the methods of
// strings: those come with useOpenLibs only.
func runLua(script string, object map[string]any) (json.RawMessage, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	open(state, lua.LoadLibName, lua.OpenPackage)
	open(state, lua.BaseLibName, lua.OpenBase)
	open(state, lua.TabLibName, lua.OpenTable)
	allowTime(state)

	deadline, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	state.SetContext(deadline)
	state.SetGlobal("obj", value(state, object))
	if err := state.DoString(script); err != nil {
		return nil, err
	}
	returned := state.Get(-1)
	if returned.Type() != lua.LTTable {
		return nil, fmt.Errorf("a table was expected, not a %s", returned.Type())
	}
	return luajson.Encode(returned)
}

func open(state *lua.LState, name string, library lua.LGFunction) {
	state.Push(state.NewFunction(library))
	state.Push(lua.LString(name))
	state.Call(1, 0)
}

// allowTime leaves two functions of os, behind require("os"), and no global of that name.
func allowTime(state *lua.LState) {
	open(state, lua.OsLibName, lua.OpenOs)
	whole := state.GetGlobal(lua.OsLibName)
	allowed := state.NewTable()
	for _, name := range []string{"time", "date"} {
		allowed.RawSetString(name, state.GetField(whole, name))
	}
	loaded := state.GetField(state.GetGlobal(lua.LoadLibName), "loaded")
	state.SetField(loaded, lua.OsLibName, allowed)
	state.SetGlobal(lua.OsLibName, lua.LNil)
}

// value makes a Lua value of a JSON one.
func value(state *lua.LState, from any) lua.LValue {
	switch known := from.(type) {
	case bool:
		return lua.LBool(known)
	case string:
		return lua.LString(known)
	case float64:
		return lua.LNumber(known)
	case []any:
		list := state.NewTable()
		for _, item := range known {
			list.Append(value(state, item))
		}
		return list
	case map[string]any:
		table := state.NewTable()
		for key, item := range known {
			table.RawSetString(key, value(state, item))
		}
		return table
	}
	return lua.LNil
}
