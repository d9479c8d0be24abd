<%@ Page Language="C#" %><p><%= Server.HtmlEncode(Request["name"]) %></p>
