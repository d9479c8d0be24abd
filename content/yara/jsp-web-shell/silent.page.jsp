<%@ page contentType="text/html" %>
<p><%= request.getParameter("name") %></p>
