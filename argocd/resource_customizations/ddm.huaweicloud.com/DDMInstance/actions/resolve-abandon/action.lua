if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["ddm.huaweicloud.com/resolve"] = obj.status.operation.id .. "=abandon"
return obj
